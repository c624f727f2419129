// The nouns of the interface, as the application programming interface speaks them. Times are RFC 3339 in UTC with
// milliseconds, so they sort as text.
import type { components } from './api/schema.gen';

type Schemas = components['schemas'];

export type Session = Schemas['Session'];
export type Me = Schemas['Me'];
export type MyChannel = Schemas['MyChannel'];
export type Capabilities = Schemas['Capabilities'];
export type Role = Schemas['Role'];
export type Person = Schemas['Person'];
export type ChatRow = Schemas['ChatRow'];
export type ChatPage = Schemas['ChatPage'];
export type ChatDetail = Schemas['ChatDetail'];
export type Client = Schemas['Client'];
export type Deal = Schemas['Deal'];
export type Right = Schemas['Right'];
export type Why = Schemas['Why'];
export type Message = Schemas['Message'];
export type MessagePage = Schemas['MessagePage'];
export type MessageKind = Schemas['Kind'];
export type MessageStatus = Schemas['Status'];
export type Preview = Schemas['Preview'];
export type Attachment = Schemas['Attachment'];
export type NewMessage = Schemas['NewMessage'];
export type LiveEvent = Schemas['LiveEvent'];
export type Settings = Schemas['Settings'];
export type ChannelBlock = Schemas['ChannelBlock'];
export type ChannelSettings = Schemas['ChannelSettings'];
export type AccountSettings = Schemas['AccountSettings'];
export type RoleRow = Schemas['RoleRow'];
export type Employee = Schemas['Employee'];
export type Crm = Schemas['CRM'];
export type CrmDifference = Schemas['CRMDifference'];
export type Channel = Schemas['Channel'];
export type ChannelConfig = Schemas['ChannelConfig'];
export type Pipeline = Schemas['Pipeline'];
export type FrameSession = Schemas['FrameSession'];
